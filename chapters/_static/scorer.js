// Of what the search finds, what a chapter says comes before a word of the glossary.
var Scorer = {
  score: ([page, , , , score]) => (page === "chapters/glossary" ? Math.min(score, 1) : score),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
