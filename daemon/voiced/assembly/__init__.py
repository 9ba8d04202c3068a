"""From settings to objects: which class implements each port."""
