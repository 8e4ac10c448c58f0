"""What a text is on its way to a phone: composed, priced, known by its key. Workers, commands and checks share it."""
