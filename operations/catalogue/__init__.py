"""One module per operation. A module here registers itself; `docs/operations.md` shows how."""
