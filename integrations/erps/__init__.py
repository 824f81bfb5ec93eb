"""The connectors: one file for each kind of ERP, all of them speaking the words of `contract`."""
