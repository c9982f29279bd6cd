"""Pure functions of the domain: no Django, no clock of the machine, no input or output."""
