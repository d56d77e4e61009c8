-- The newest links that a person made, for the page that ends this person's access.
CREATE INDEX portal_links_maker ON portal_links (tenant_id, made_by, link_id);
