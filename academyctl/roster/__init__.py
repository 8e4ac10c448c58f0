"""A class list from a spreadsheet: opened safely, understood, and said back with every cell that is wrong.

Nothing here touches a database or a network, and reading imports neither openpyxl nor boto3.
"""
