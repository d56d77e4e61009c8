-- The Patient of an identified transaction, by its identifier in the destination's name space: the next one replaces it.
ALTER TABLE disclosures ADD COLUMN patient text;
