"""The operations of the API as data: their parameters, their paging, and which change something."""
