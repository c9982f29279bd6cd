"""What the centre's work amounts to, for those who steer it: the wall board. Reads what other floors keep."""
