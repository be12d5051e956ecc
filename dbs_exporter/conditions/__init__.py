"""What is wrong with a plan, a task or a gateway, or will be: the instant from which it is, computed once from the facts."""
