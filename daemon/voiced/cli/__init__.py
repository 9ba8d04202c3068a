"""argv -> call -> exit code. The only room that prints; one small file per command."""
