"""Tables, figures and the page; nothing here changes a result."""
