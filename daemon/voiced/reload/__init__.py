"""From a changed file to settings in force."""
