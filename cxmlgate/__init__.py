"""The room of the gate: cXML in, one verb of invoices, cXML out."""
