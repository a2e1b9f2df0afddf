// Keeps the phone's page, so that it opens without a line. What it shows comes from the page itself:
// answers of the interface are never kept here.
const SHELF = 'phone-page-1';

async function stock() {
  const shelf = await caches.open(SHELF);
  const page = await fetch('/phone', { cache: 'no-cache' });
  if (!page.ok) return;
  const parts = [...(await page.clone().text()).matchAll(/"(\/assets\/[^"]+|\/mark\.svg)"/g)];
  // The page comes last: where the line drops meanwhile, the page that was kept still has all its parts.
  await shelf.addAll(parts.map((part) => part[1]));
  await shelf.put('/phone', page);
}

self.addEventListener('install', (event) => {
  self.skipWaiting();
  event.waitUntil(stock());
});

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== 'GET' || address.origin !== location.origin) return;
  if (event.request.mode === 'navigate') {
    event.respondWith(
      fetch(event.request)
        .then((page) => {
          void stock().catch(() => undefined);
          return page;
        })
        .catch(() => caches.match('/phone')),
    );
  } else if (address.pathname.startsWith('/assets/') || address.pathname === '/mark.svg') {
    event.respondWith(caches.match(address.pathname).then((kept) => kept ?? fetch(event.request)));
  }
});
