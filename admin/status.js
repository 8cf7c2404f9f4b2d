// Renews the page every two seconds, part by part: what has not changed is not touched. The server renders; this only
// replaces. It rests while nobody looks.
"use strict";
(() => {
	const every = 2000, patience = 5000; // milliseconds
	const silence = document.getElementById("silence");
	let timer = 0, asking = null;

	const parts = (doc) => [...doc.querySelectorAll("[id]")].filter((e) => !e.querySelector("[id]") && e.id !== "silence");
	const names = (doc) => parts(doc).map((e) => e.id).join(" ");

	function show(fresh) {
		if (names(fresh) !== names(document)) { // registries have come or gone
			document.getElementById("main").replaceWith(fresh.getElementById("main"));
		}
		for (const part of parts(fresh)) {
			const old = document.getElementById(part.id);
			if (old && old.outerHTML !== part.outerHTML) old.replaceWith(part);
		}
		for (const box of fresh.querySelectorAll("section[id]")) {
			const old = document.getElementById(box.id);
			if (old && old.className !== box.className) old.className = box.className;
		}
		document.title = fresh.title;
		const icon = document.querySelector("link[rel=icon]"), newIcon = fresh.querySelector("link[rel=icon]");
		if (icon.getAttribute("href") !== newIcon.getAttribute("href")) icon.replaceWith(newIcon);
	}

	function shown() { return document.querySelector("#clock time").textContent; }

	async function renew() {
		clearTimeout(timer);
		if (asking) asking.abort();
		const mine = asking = new AbortController();
		const late = setTimeout(() => mine.abort(), patience);
		try {
			const answer = await fetch("/", {cache: "no-store", signal: mine.signal});
			if (!answer.ok) throw new Error(answer.status);
			const text = await answer.text();
			show(new DOMParser().parseFromString(text, "text/html"));
			silence.hidden = true;
		} catch {
			if (mine === asking) {
				silence.textContent = "no answer since " + shown() + ": eppmux does not run, or does not answer here; what follows is old";
				silence.hidden = false;
			}
		} finally {
			clearTimeout(late);
			if (mine === asking) {
				asking = null;
				if (!document.hidden) timer = setTimeout(renew, every);
			}
		}
	}

	document.addEventListener("visibilitychange", () => document.hidden ? clearTimeout(timer) : renew());
	timer = setTimeout(renew, every);
})();
