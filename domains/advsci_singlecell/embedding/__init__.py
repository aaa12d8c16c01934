"""From counts to components, and from components to what batches share: closed forms and neighbours."""
