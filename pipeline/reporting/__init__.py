"""What people look at: tables, figures and the page; nothing here changes a result."""
