DROP INDEX `instructions_unfinished`;--> statement-breakpoint
ALTER TABLE `instructions` ADD `place` real DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `instructions` ADD `idempotency` text;--> statement-breakpoint
UPDATE `instructions` SET `place` = `seq`;--> statement-breakpoint
CREATE INDEX `instructions_unfinished` ON `instructions` (`container_id`,`place`) WHERE finished_at is null;