import { mount } from 'svelte';
import '../app.css';
import { look } from '../lib/look.svelte';
import PhoneApp from './PhoneApp.svelte';

look.apply();

const target = document.getElementById('app');
if (target) mount(PhoneApp, { target });
if ('serviceWorker' in navigator) {
  void navigator.serviceWorker.register('/sw.js', { scope: '/phone' }).catch(() => undefined);
}
