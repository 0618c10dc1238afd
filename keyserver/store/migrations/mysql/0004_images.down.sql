DROP TABLE IF EXISTS document_images;
