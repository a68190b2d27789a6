// Cities with their real centre, area code and real ZIPs (facts of the Census Bureau and the Postal Service); the street
// addresses put there are invented.

export type City = {
  city: string;
  state: string;
  latitude: number;
  longitude: number;
  zips: readonly string[];
  areaCode: string;
};

export type State = { code: string; name: string; west: number; south: number; east: number; north: number };

/** States of the generated plan with their bounding boxes, degrees. */
export const STATES: readonly State[] = [
  { code: 'CT', name: 'Connecticut', west: -73.73, south: 40.98, east: -71.79, north: 42.05 },
  { code: 'NY', name: 'New York', west: -79.76, south: 40.5, east: -71.86, north: 45.02 },
  { code: 'MA', name: 'Massachusetts', west: -73.51, south: 41.24, east: -69.93, north: 42.89 },
  { code: 'PA', name: 'Pennsylvania', west: -80.52, south: 39.72, east: -74.69, north: 42.27 },
  { code: 'OH', name: 'Ohio', west: -84.82, south: 38.4, east: -80.52, north: 41.98 },
  { code: 'IL', name: 'Illinois', west: -91.51, south: 36.97, east: -87.5, north: 42.51 },
  { code: 'TX', name: 'Texas', west: -106.65, south: 25.84, east: -93.51, north: 36.5 },
  { code: 'CA', name: 'California', west: -124.41, south: 32.53, east: -114.13, north: 42.01 },
  { code: 'WA', name: 'Washington', west: -124.76, south: 45.54, east: -116.92, north: 49.0 },
  { code: 'CO', name: 'Colorado', west: -109.06, south: 36.99, east: -102.04, north: 41.0 },
  { code: 'GA', name: 'Georgia', west: -85.61, south: 30.36, east: -80.84, north: 35.0 },
  { code: 'FL', name: 'Florida', west: -87.63, south: 24.52, east: -80.03, north: 31.0 },
];

type Row = readonly [city: string, state: string, latitude: number, longitude: number, zips: string, areaCode: string];

const ROWS: readonly Row[] = [
  ['Hartford', 'CT', 41.7658, -72.6734, '06103 06105 06106', '860'],
  ['New Haven', 'CT', 41.3083, -72.9279, '06510 06511 06519', '203'],
  ['Stamford', 'CT', 41.0534, -73.5387, '06901 06902 06905', '203'],
  ['Waterbury', 'CT', 41.5582, -73.0515, '06702 06704 06708', '203'],
  ['New York', 'NY', 40.7128, -74.006, '10001 10016 10027', '212'],
  ['Buffalo', 'NY', 42.8864, -78.8784, '14201 14209 14214', '716'],
  ['Rochester', 'NY', 43.1566, -77.6088, '14604 14607 14620', '585'],
  ['Albany', 'NY', 42.6526, -73.7562, '12203 12207 12208', '518'],
  ['Boston', 'MA', 42.3601, -71.0589, '02108 02115 02118', '617'],
  ['Worcester', 'MA', 42.2626, -71.8023, '01602 01605 01608', '508'],
  ['Springfield', 'MA', 42.1015, -72.5898, '01103 01107 01109', '413'],
  ['Lowell', 'MA', 42.6334, -71.3162, '01850 01852 01854', '978'],
  ['Philadelphia', 'PA', 39.9526, -75.1652, '19103 19107 19130', '215'],
  ['Pittsburgh', 'PA', 40.4406, -79.9959, '15213 15219 15232', '412'],
  ['Allentown', 'PA', 40.6023, -75.4714, '18101 18102 18104', '610'],
  ['Erie', 'PA', 42.1292, -80.0851, '16501 16502 16508', '814'],
  ['Columbus', 'OH', 39.9612, -82.9988, '43201 43210 43215', '614'],
  ['Cleveland', 'OH', 41.4993, -81.6944, '44106 44113 44114', '216'],
  ['Cincinnati', 'OH', 39.1031, -84.512, '45202 45219 45229', '513'],
  ['Toledo', 'OH', 41.6528, -83.5379, '43604 43606 43614', '419'],
  ['Chicago', 'IL', 41.8781, -87.6298, '60601 60612 60637', '312'],
  ['Peoria', 'IL', 40.6936, -89.589, '61602 61603 61614', '309'],
  ['Rockford', 'IL', 42.2711, -89.094, '61101 61103 61107', '815'],
  ['Champaign', 'IL', 40.1164, -88.2434, '61820 61821 61822', '217'],
  ['Houston', 'TX', 29.7604, -95.3698, '77002 77030 77054', '713'],
  ['Dallas', 'TX', 32.7767, -96.797, '75201 75235 75246', '214'],
  ['Austin', 'TX', 30.2672, -97.7431, '78701 78705 78731', '512'],
  ['El Paso', 'TX', 31.7619, -106.485, '79901 79902 79912', '915'],
  ['Los Angeles', 'CA', 34.0522, -118.2437, '90012 90027 90033', '213'],
  ['San Francisco', 'CA', 37.7749, -122.4194, '94102 94110 94115', '415'],
  ['Sacramento', 'CA', 38.5816, -121.4944, '95811 95816 95819', '916'],
  ['Fresno', 'CA', 36.7378, -119.7871, '93701 93710 93720', '559'],
  ['Seattle', 'WA', 47.6062, -122.3321, '98101 98104 98122', '206'],
  ['Spokane', 'WA', 47.6588, -117.426, '99201 99202 99204', '509'],
  ['Tacoma', 'WA', 47.2529, -122.4443, '98402 98405 98409', '253'],
  ['Yakima', 'WA', 46.6021, -120.5059, '98901 98902 98908', '509'],
  ['Denver', 'CO', 39.7392, -104.9903, '80202 80204 80218', '303'],
  ['Colorado Springs', 'CO', 38.8339, -104.8214, '80903 80907 80909', '719'],
  ['Pueblo', 'CO', 38.2544, -104.6091, '81001 81003 81008', '719'],
  ['Grand Junction', 'CO', 39.0639, -108.5506, '81501 81504 81506', '970'],
  ['Atlanta', 'GA', 33.749, -84.388, '30303 30308 30322', '404'],
  ['Savannah', 'GA', 32.0809, -81.0912, '31401 31404 31405', '912'],
  ['Augusta', 'GA', 33.4735, -82.0105, '30901 30904 30909', '706'],
  ['Macon', 'GA', 32.8407, -83.6324, '31201 31204 31210', '478'],
  ['Miami', 'FL', 25.7617, -80.1918, '33125 33130 33136', '305'],
  ['Orlando', 'FL', 28.5383, -81.3792, '32801 32803 32806', '407'],
  ['Tampa', 'FL', 27.9506, -82.4572, '33602 33606 33612', '813'],
  ['Jacksonville', 'FL', 30.3322, -81.6557, '32202 32204 32209', '904'],
];

export const CITIES: readonly City[] = ROWS.map(([city, state, latitude, longitude, zips, areaCode]) => ({
  city,
  state,
  latitude,
  longitude,
  zips: zips.split(' '),
  areaCode,
}));
