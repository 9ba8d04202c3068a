"""Tools that the settings declare: a web service or a program for each."""
