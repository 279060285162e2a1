"""Do new data differ from those that a champion was trained with? Tests, and the page's section."""
