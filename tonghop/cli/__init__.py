"""The `tonghop` command. A command reads its arguments, calls one function of a package below, and prints; it decides nothing."""
