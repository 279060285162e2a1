"""The deck's challenges, a folder each: settings, measurement and the section of the page."""
