"""E-mail (D15): mailboxes are read and kept, mails become tickets and messages, answers leave threaded."""
