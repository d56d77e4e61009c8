-- Of an identified transaction: its Patient, by the identifier in the destination's name space, which the next one replaces; and the places of
-- its readings, such as 150456|%/1, which a later one withdraws when it has fewer.
ALTER TABLE disclosures ADD COLUMN patient text, ADD COLUMN readings text[];
