/** Adds new events of the audit log to the table as they happen. Without this script the page is complete. */
const ROWS_MAX = 200
/** How often a screen reader hears how many there were. */
const TELL_MS = 3_000

const place = document.getElementById('follow')
const status = document.getElementById('follow-status')
const rows = document.getElementById('events')

/** @type {EventSource | undefined} */
let source
let paused = false
let waiting = []
let added = 0
let is_told_soon = false

const follow = button('Follow live', () => (source ? stop('Following ended.') : start()))
const pause = button('Pause', () => setPaused(!paused))
place.append(follow)

function button(text, onClick) {
  const made = document.createElement('button')
  made.type = 'button'
  made.className = 'button'
  made.textContent = text
  made.addEventListener('click', onClick)
  return made
}

function start() {
  source = new EventSource(place.dataset.source)
  source.addEventListener('open', () => say('Following: new events appear on top.'))
  source.addEventListener('message', ({ data }) => take(JSON.parse(data)))
  source.addEventListener('error', () => {
    if (source?.readyState === EventSource.CLOSED) stop('The stream ended. Load the page again to go on.')
    else say('The connection was lost; it is being opened again.')
  })
  follow.textContent = 'Stop following'
  place.append(pause)
  say('Connecting.')
}

function stop(text) {
  source?.close()
  source = undefined
  setPaused(false)
  pause.remove()
  follow.textContent = 'Follow live'
  say(text)
}

function setPaused(is_paused) {
  paused = is_paused
  pause.textContent = paused ? 'Go on' : 'Pause'
  if (paused) return say('Paused.')
  for (const event of waiting) add(event)
  waiting = []
  if (source) say('Following: new events appear on top.')
}

function take(event) {
  if (!paused) return add(event)
  waiting.push(event)
  if (waiting.length > ROWS_MAX) waiting.shift()
  tellLater()
}

/** Whatever an event holds is text here. */
function add(event) {
  const row = document.createElement('tr')
  const time = element('time', event.time)
  time.dateTime = event.at
  const link = element('a', event.type)
  link.href = event.href
  const badge = element('span', event.decision, `badge ${event.badge}`)
  const cells = [
    time,
    link,
    event.decision && badge,
    element('bdi', event.who),
    element('span', event.client, 'soft'),
    event.what && element('code', event.what, 'chip'),
  ]
  for (const content of cells) {
    const cell = document.createElement('td')
    if (content) cell.append(content)
    row.append(cell)
  }
  rows.prepend(row)
  while (rows.childElementCount > ROWS_MAX) rows.lastElementChild.remove()
  added += 1
  tellLater()
}

function element(name, text, class_name) {
  const made = document.createElement(name)
  made.textContent = text
  if (class_name) made.className = class_name
  return made
}

function tellLater() {
  if (is_told_soon) return
  is_told_soon = true
  setTimeout(() => {
    is_told_soon = false
    if (source) say(paused ? `Paused; ${waiting.length} new events wait.` : `${added} new events so far.`)
  }, TELL_MS)
}

function say(text) {
  status.textContent = text
}
