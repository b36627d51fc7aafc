-- Finds the newest checkpoint without reading the stream; one entry a checkpoint.
CREATE INDEX event_checkpoint ON event (sequence) WHERE kind = 'chain.checkpoint';
