// Sorting, filtering and paging are the server's work and go by links; with a script they go without a reload,
// and the page renews itself.
(() => {
  "use strict";
  const EVERY = 15000;
  const form = document.querySelector("form.filters");
  const live = document.getElementById("live");
  let turn = 0;

  async function show(url, remember) {
    const mine = ++turn;
    try {
      const answer = await fetch(url, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== turn) return;
      for (const part of document.querySelectorAll("[data-live]")) {
        part.replaceWith(page.getElementById(part.id));
      }
      document.title = page.title;
      document.querySelector("link[rel=icon]").href = page.querySelector("link[rel=icon]").href;
      if (remember) {
        history.pushState(null, "", url);
        fill(page.querySelector("form.filters"));
      }
      live.textContent = "";
    } catch {
      if (mine === turn) live.textContent = "The exporter does not answer; this page is old.";
    }
  }

  // The filters follow the address, but what is being typed stays.
  function fill(there) {
    for (const field of form.querySelectorAll("select, input[type=search]")) {
      if (field !== document.activeElement) field.value = there.elements[field.name].value;
    }
    for (const hidden of form.querySelectorAll("input[type=hidden]")) hidden.remove();
    for (const hidden of there.querySelectorAll("input[type=hidden]")) form.append(hidden.cloneNode());
  }

  function filtered() {
    const asked = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) asked.set(name, value);
    show("?" + asked, true);
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-swap]");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    show(link.getAttribute("href"), true);
  });
  let typing;
  form.addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(filtered, event.target.type === "search" ? 250 : 0);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(typing);
    filtered();
  });
  window.addEventListener("popstate", () => location.reload());
  setInterval(() => {
    if (document.visibilityState === "visible" && !document.activeElement.closest("#content")) {
      show(location.href, false);
    }
  }, EVERY);
})();
