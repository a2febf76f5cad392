"""What the API says: one frozen shape per answer, one module per surface.

A question's columns are the fields of its row type, in `api/questions/`; a test
holds the two together. Money is picodollars in Python and dollars, exact, in JSON.
"""
