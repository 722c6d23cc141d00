"use strict";

// Times of the form are the reader's; what is sent is UTC, so that a link means the same to others.
for (const form of document.querySelectorAll("form[data-own-times]")) {
  const fields = ["since", "until"].map((name) => form.elements[name]).filter(Boolean);
  const two = (number) => String(number).padStart(2, "0");
  for (const field of fields) {
    const moment = new Date(field.value);
    if (/^\d{4}-.*Z$/.test(field.value) && !Number.isNaN(moment.getTime())) {
      const day = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
      field.value = `${day} ${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
    }
  }
  form.addEventListener("formdata", ({ formData }) => {
    for (const field of fields) {
      const text = field.value.trim();
      const time = /^(\d\d):(\d\d)(?::(\d\d))?$/.exec(text);
      let moment = new Date(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00` : text.replace(" ", "T"));
      if (time) {
        moment = new Date();
        moment.setHours(Number(time[1]), Number(time[2]), Number(time[3] || 0), 0);
      }
      const isLocal = time || /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?$/.test(text);
      if (isLocal && !Number.isNaN(moment.getTime())) {
        formData.set(field.name, moment.toISOString().replace(/\.\d+Z$/, "Z"));
      }
    }
    for (const [name, value] of [...formData]) {
      if (!value) formData.delete(name);
    }
  });
}
