// Improves pages that already work: focuses the error summary, posts a form once, groups a card number,
// counts a code's time down, copies and prints. Without it nothing is missing but these.
"use strict";

document.documentElement.classList.add("scripted");
document.querySelector("[data-focus]")?.focus();

// A second click does not send a form twice; a page out of the browser's cache may be sent again.
const mark = (form, sent) => {
  form.toggleAttribute("data-sent", sent);
  for (const button of form.querySelectorAll("button")) {
    sent ? button.setAttribute("aria-disabled", "true") : button.removeAttribute("aria-disabled");
  }
};
addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.hasAttribute("data-sent")) event.preventDefault();
  else mark(form, true);
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) mark(form, false);
  // What a browser fills in again at Back is not for a second pair of eyes.
  if (performance.getEntriesByType("navigation")[0]?.type !== "back_forward") return;
  const secrets = "[name=card_number], [name=card_password_2], [name=birth_digit], [name=code]";
  for (const field of document.querySelectorAll(secrets)) field.value = "";
});

// 4242 4242 4242 4242, American Express 3782 822463 10005. The caret stays behind its digit.
const digitsOf = (text) => text.normalize("NFKC").replace(/\D/g, "");
const grouped = (digits) =>
  (/^3[47]/.test(digits) ? digits.replace(/^(\d{4})(\d{1,6})?(\d+)?$/, "$1 $2 $3") : digits.replace(/\d{4}(?=\d)/g, "$& ")).trim();
const number = document.querySelector("input[name=card_number]");
if (number) {
  let shown = "";
  const show = (digits, before) => {
    shown = grouped(digits);
    if (number.value !== shown) number.value = shown;
    let caret = 0;
    for (let seen = 0; caret < number.value.length && seen < before; caret++) {
      if (number.value[caret] !== " ") seen++;
    }
    number.setSelectionRange(caret, caret);
  };
  number.addEventListener("input", (event) => {
    // Letters stay as they were typed: the answer says what is wrong with them. Undo is the browser's.
    if (event.isComposing || /^history/.test(event.inputType) || /[^\d\s-]/.test(number.value.normalize("NFKC"))) return;
    let digits = digitsOf(number.value);
    const before = digitsOf(number.value.slice(0, number.selectionStart)).length;
    // Delete before a gap means the digit behind it.
    if (event.inputType === "deleteContentForward" && digits === digitsOf(shown)) {
      digits = digits.slice(0, before) + digits.slice(before + 1);
    }
    show(digits, before);
  });
  number.addEventListener("paste", (event) => {
    const digits = digitsOf(event.clipboardData.getData("text"));
    if (digits.length < 12 || digits.length > 19) return;
    event.preventDefault();
    show(digits, digits.length);
  });
}

// The server said how many seconds are left: the browser's own clock is not asked for the time.
for (const timer of document.querySelectorAll("[data-seconds]")) {
  const end = performance.now() + timer.dataset.seconds * 1000;
  const tick = () => {
    const left = Math.max(0, Math.round((end - performance.now()) / 1000));
    timer.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (left === 0) clearInterval(every);
  };
  const every = setInterval(tick, 1000);
  tick();
}

addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy], [data-print]");
  if (!button) return;
  if ("print" in button.dataset) return print();
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    for (const other of document.querySelectorAll("[data-copy]")) {
      other.dataset.word ??= other.querySelector("[data-said]").textContent;
      other.querySelector("[data-said]").textContent = other === button ? other.dataset.copied : other.dataset.word;
    }
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling);
  }
});
