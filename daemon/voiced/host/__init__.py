"""What ties the daemon to the machine it runs on."""
