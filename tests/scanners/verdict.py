"""Reads Wapiti's report: prints what it found and ends with 1 if that is anything but the exclusions below.

    verdict.py REPORT FEWEST    FEWEST: pages that it must have reached, since a scan that sees nothing finds nothing
"""

import json
import sys

# What Wapiti says, and why it is no fault. Each must hold for one kind of finding and one place alone.
EXCLUSIONS = {
    (
        "Secure Flag cookie",
        "/",
    ): "the console that is scanned speaks plain HTTP on a loopback address; over HTTPS every cookie is Secure: "
    "security::over_https_the_cookie_is_secure_and_host_bound",
}


def main(report, fewest):
    with open(report, encoding="utf-8") as file:
        told = json.load(file)
    faults = 0
    for kind in ("vulnerabilities", "anomalies"):
        for category, findings in told[kind].items():
            for finding in findings:
                line = f"{category}: {finding['method']} {finding['path']}: {finding['info']}"
                reason = EXCLUSIONS.get((category, finding["path"]))
                if reason is None:
                    faults += 1
                    print(f"found: {line}")
                    print(finding["http_request"])
                else:
                    print(f"excluded: {line} ({reason})")
    pages = told["infos"]["crawled_pages_nbr"]
    print(f"pages and forms: {pages}, findings: {faults}")
    if pages < fewest:
        print(f"fewer than {fewest} pages and forms: was the scanner signed in?")
        faults += 1
    return 1 if faults else 0


sys.exit(main(sys.argv[1], int(sys.argv[2])))
