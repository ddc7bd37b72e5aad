// Judges one report of Lighthouse: verdict.mjs REPORT.json ADDRESS ROW. Prints what fails, each audit with its nodes;
// writes the scores to ROW as one line: accessibility, best practices, performance. Exit status 1: a category that
// decides is below 100.
import { readFileSync, writeFileSync } from "node:fs";

const DECIDE = ["accessibility", "best-practices"];
const REPORTED = ["performance"];
const LONGEST_ITEM = 600;

const [, , reportFile, address, rowFile] = process.argv;
const report = JSON.parse(readFileSync(reportFile, "utf8"));

const score = (category) => report.categories[category]?.score ?? null;
const points = (category) => (score(category) === null ? "none" : Math.round(score(category) * 100));

// Of the audits that count towards a category's score, those that take points away or could not be made.
function* failing(category) {
  for (const { id, weight } of report.categories[category]?.auditRefs ?? []) {
    const audit = report.audits[id];
    if (weight > 0 && (audit.scoreDisplayMode === "error" || (audit.score !== null && audit.score < 1))) yield audit;
  }
}

function* nodes(items) {
  for (const item of items) {
    const node = item.node ?? (item.type === "node" ? item : null);
    if (node) {
      yield `${node.selector}\n        ${node.snippet}`;
      if (node.explanation) yield node.explanation.replace(/\s*\n\s*/g, "; ");
    } else {
      yield JSON.stringify(item).slice(0, LONGEST_ITEM);
    }
    yield* nodes(item.subItems?.items ?? []);
  }
}

const problems = [];
if (report.runtimeError) problems.push(`  ${report.runtimeError.code}: ${report.runtimeError.message}`);
if (report.finalDisplayedUrl !== address) problems.push(`  another page was judged: ${report.finalDisplayedUrl}`);
for (const category of DECIDE) {
  if (score(category) === 1) continue;
  problems.push(`  ${category}: ${points(category)}`);
  for (const audit of failing(category)) {
    problems.push(`    ${audit.id}: ${audit.title}`);
    for (const said of [audit.errorMessage, audit.explanation]) if (said) problems.push(`      ${said}`);
    for (const node of nodes(audit.details?.items ?? [])) problems.push(`      ${node}`);
  }
}

writeFileSync(rowFile, [...DECIDE, ...REPORTED].map(points).join(" ") + "\n");
for (const warning of report.runWarnings ?? []) console.log(`  warning: ${warning}`);
if (problems.length > 0) {
  console.log(problems.join("\n"));
  process.exitCode = 1;
}
