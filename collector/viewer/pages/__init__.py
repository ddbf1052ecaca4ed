"""The page: routes that answer with HTML, each from the store and the status of the running process."""
