// Two things the theme leaves out: wide tables can be scrolled with the keyboard, and the table of all runs
// has a filter and sorts by the column whose header is pressed. Without this script both can still be read.
document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll(".output.text_html, .pst-scrollable-table-container"))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0
  for (const table of document.querySelectorAll("table.searchable")) {
    addFilter(table)
    addSorting(table)
  }
})

function addFilter(table) {
  const rows = [...table.tBodies[0].rows]
  const texts = rows.map((row) => row.textContent.toLowerCase())
  const form = document.createElement("p")
  form.className = "filter"
  form.innerHTML = '<label>Filter <input type="search" placeholder="such as: hinton theta seed 1"></label> <output></output>'
  const [field, count] = form.querySelectorAll("input, output")
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/)
    rows.forEach((row, i) => (row.hidden = !words.every((word) => texts[i].includes(word))))
    const shown = rows.filter((row) => !row.hidden).length
    count.textContent = `${shown} of ${rows.length} runs`
  })
  table.before(form)
}

function addSorting(table) {
  const headers = [...table.tHead.rows[0].cells]
  const key = (row, column) => {
    const cell = row.cells[column]
    return cell.querySelector("[data-value]")?.dataset.value ?? cell.textContent
  }
  headers.slice(0, -1).forEach((header, column) => {
    const button = document.createElement("button")
    button.append(...header.childNodes)
    header.append(button)
    button.addEventListener("click", () => {
      const descending = header.ariaSort === "ascending"
      headers.forEach((other) => other.removeAttribute("aria-sort"))
      header.ariaSort = descending ? "descending" : "ascending"
      const compare = (a, b) => key(a, column).localeCompare(key(b, column), "en", { numeric: true })
      const rows = [...table.tBodies[0].rows].sort(compare)
      table.tBodies[0].append(...(descending ? rows.reverse() : rows))
    })
  })
}
