"""The operations of the API as data: parameters, paging, and which of them change something."""
