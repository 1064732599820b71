import process from 'node:process'
import { runService } from './service.ts'

await runService({
  process,
  // Loaded late, so that a signal is heard while the rest of the service is still being loaded.
  createApp: async (...parts) => (await import('./app.ts')).createApp(...parts),
})
