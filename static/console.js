// Improves pages that already work: focuses the error summary, posts a form once, counts a code's
// time down, hides agreements that a dedicated account does not ask for, prints.
"use strict";

document.querySelector("[data-focus]")?.focus();

addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
});

// A page that comes back from the browser's cache may be sent again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  }
});

const agreements = document.querySelector("[data-agreements]");
if (agreements) {
  const choose = () => {
    const chosen = document.querySelector("input[name=payment_method]:checked");
    agreements.hidden = chosen?.value === "dedicated_account";
  };
  addEventListener("change", choose);
  choose();
}

const print = document.querySelector("[data-print]");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
