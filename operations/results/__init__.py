"""What each operation's result looks like to a person; `presenting` chooses, templates draw."""
