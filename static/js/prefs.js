// The administration's own template has no place for our attributes of <html>: they come by a meta
// tag. This runs in the head, before anything is painted.
Object.assign(
  document.documentElement.dataset,
  document.querySelector('meta[name="ui-prefs"]').dataset,
);
