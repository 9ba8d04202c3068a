"""`voiced doctor`: looks at everything a conversation needs and says what to do about what is wrong."""
