"""The forms of the lead's pages, a module for each subject."""
