// Of what the search finds, what a chapter says comes before the glossary and the API reference.
const LATER = new Set(["chapters/glossary", "chapters/api"]);

var Scorer = {
  score: ([page, , , , score]) => (LATER.has(page) ? Math.min(score, 1) : score),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
