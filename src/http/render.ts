import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Eta } from 'eta'

/** Renders `views/<view>.eta` with `data`; every value is escaped. Throws when the view is missing or fails. */
export type Renderer = (view: string, data: object) => string

/** The views: beside `src` when it is run directly, one level further up from `dist/src`. */
export const VIEWS_DIRECTORY: string = locateViews()

/** Creates a renderer that reads each view once and keeps it compiled. `base_path`: where `/assets` is below. */
export function createRenderer(options: { views_directory?: string; base_path?: string } = {}): Renderer {
  const base = options.base_path ?? ''
  const eta = new Eta({
    views: options.views_directory ?? VIEWS_DIRECTORY,
    autoEscape: true,
    cache: true,
    autoTrim: [false, 'nl'],
  })
  return (view, data) => eta.render(view, { ...data, base })
}

function locateViews(): string {
  const candidates = ['../../views/layout.eta', '../../../views/layout.eta'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  )
  const layout = candidates.find((path) => existsSync(path))
  if (layout === undefined) throw new Error(`no views at ${candidates.join(' or ')}`)
  return dirname(layout)
}
