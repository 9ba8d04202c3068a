"""`voiced doctor`: checks everything a conversation needs, and says how to fix what is wrong."""
