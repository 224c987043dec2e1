// Sends the chosen files in small parts, so that thousands of photographs arrive and the lead sees how far it is.
// Without this script the form sends them all at once, which works for a few dozen.

const FILES_AT_ONCE = 20;
const BYTES_AT_ONCE = 24 * 1024 * 1024;
const TRIES = 4;

const form = document.querySelector("[data-upload-to]");
const inputs = [...form.querySelectorAll("input[name=images], input[name=folder], input[name=zips]")];
const sending = form.querySelector("[data-sending]");
const bar = sending.querySelector("progress");
const words = sending.querySelector("p");
const button = form.querySelector("button");

function chosen() {
  const files = inputs.flatMap((input) => [...input.files]);
  return files.filter((file) => !file.name.startsWith(".") && !/^(thumbs\.db|desktop\.ini)$/i.test(file.name));
}

function* parts(files) {
  let part = [];
  let bytes = 0;
  for (const file of files) {
    if (part.length && (part.length >= FILES_AT_ONCE || bytes + file.size > BYTES_AT_ONCE)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(file);
    bytes += file.size;
  }
  if (part.length) yield part;
}

async function post(part) {
  const body = new FormData();
  body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  body.set("upload", form.elements.upload.value);
  part.forEach((file) => body.append("files", file, file.name));
  const response = await fetch(form.dataset.uploadTo, { method: "POST", body });
  const type = response.headers.get("Content-Type") ?? "";
  if (!type.startsWith("application/json")) throw new Error(`The server answered with status ${response.status}.`);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

async function postPatiently(part) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await post(part);
    } catch (error) {
      // fetch's own error is the network's: the part is sent again, and the server takes a file that it has only once.
      if (!(error instanceof TypeError) || attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000 * attempt));
    }
  }
}

async function send(files) {
  let done = 0;
  bar.max = files.length;
  for (const part of parts(files)) {
    words.textContent = `${done} of ${files.length} files sent`;
    const answer = await postPatiently(part);
    form.elements.upload.value = answer.upload;
    done += part.length;
    bar.value = done;
  }
  words.textContent = `${done} of ${files.length} files sent; checking`;
}

form.addEventListener("submit", async (event) => {
  const files = chosen();
  if (!files.length) return;
  event.preventDefault();
  sending.hidden = false;
  button.disabled = true;
  try {
    await send(files);
    inputs.forEach((input) => { input.disabled = true; });
    form.submit();
  } catch (error) {
    words.textContent = `Sending stopped: ${error.message} Choose the files again, or try again later.`;
    form.elements.upload.value = "";
    button.disabled = false;
  }
});
