"""The deck's challenges, one folder each: settings, measurement and section of the page."""
