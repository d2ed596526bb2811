/** Notes in memory, one notebook per user. A real server would have a database here. */
export type Note = { id: string; title: string; text: string; updated_at: string }

const MAX_NOTES_PER_USER = 200
const MAX_USERS = 1_000

/** A fault the caller can understand; becomes a tool error. */
export class NoteError extends Error {}

export class Notebook {
  readonly #notes = new Map<string, Note>()
  #last_id = 0

  search(query: string): Note[] {
    const wanted = query.toLowerCase()
    return [...this.#notes.values()].filter(({ title, text }) =>
      `${title}\n${text}`.toLowerCase().includes(wanted),
    )
  }

  get(id: string): Note {
    const note = this.#notes.get(id)
    if (!note) throw new NoteError(`There is no note ${id}`)
    return note
  }

  create(title: string, text: string): Note {
    if (this.#notes.size >= MAX_NOTES_PER_USER)
      throw new NoteError(`At most ${MAX_NOTES_PER_USER} notes are kept`)
    const id = String(++this.#last_id)
    return this.#put({ id, title, text, updated_at: new Date().toISOString() })
  }

  update(id: string, changes: { title?: string | undefined; text?: string | undefined }): Note {
    const { title, text } = this.get(id)
    return this.#put({
      id,
      title: changes.title ?? title,
      text: changes.text ?? text,
      updated_at: new Date().toISOString(),
    })
  }

  delete(id: string): void {
    if (!this.#notes.delete(id)) throw new NoteError(`There is no note ${id}`)
  }

  #put(note: Note): Note {
    this.#notes.set(note.id, note)
    return note
  }
}

/** Finds the notebook of a user, by the `sub` of the access token; the user longest absent is forgotten first. */
export class Library {
  readonly #notebooks = new Map<string, Notebook>()

  notebookOf(sub: string): Notebook {
    const notebook = this.#notebooks.get(sub) ?? newNotebook()
    this.#notebooks.delete(sub)
    this.#notebooks.set(sub, notebook)
    const [oldest] = this.#notebooks.keys()
    if (this.#notebooks.size > MAX_USERS && oldest !== undefined) this.#notebooks.delete(oldest)
    return notebook
  }
}

function newNotebook(): Notebook {
  const notebook = new Notebook()
  notebook.create('Welcome', 'This note was here when you connected. Ask for a new one.')
  return notebook
}
