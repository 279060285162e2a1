"""Do new data differ from a champion's training data? Tests, and the page's section."""
