/* Loads the modules that a page asks for, or says below the title why it cannot. This one is a plain
   script: a page opened as a file may not load modules, and an old browser knows none. */
"use strict";
(function () {
  var place = document.querySelector(".page-word");
  function say(text) {
    place.textContent = text;
    place.hidden = false;
  }
  if (location.protocol === "file:")
    say(
      "The code of this page can be run in it, but not while it is opened as a file. Start a server, " +
        "python -m http.server --directory _build/html, and open http://localhost:8000.",
    );
  else if (!("noModule" in HTMLScriptElement.prototype))
    say("The code of this page can be run in it, but this browser is too old for that.");
  else
    place.dataset.modules.split(" ").forEach(function (name) {
      var script = document.createElement("script");
      script.type = "module";
      script.src = new URL(name, document.querySelector("script[src*='page/begin.js']").src);
      document.head.append(script);
    });
})();
