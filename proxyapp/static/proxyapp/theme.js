"use strict";
// Before the first paint: dark or light as the operator chose (the theme keeps it), else as the system is.
{
  const chosen = (localStorage.getItem("adminTheme") || localStorage.getItem("_x_adminTheme") || "").replaceAll('"', "");
  const isDark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("dark", isDark);
}
